(module (func (export "invoke")))
