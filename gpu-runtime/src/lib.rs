//! Models and how they are served: scheduler, engine, tokenizer, sampling, grammars.
