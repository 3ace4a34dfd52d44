//! Rules about the project as a whole, each as a test.

mod architecture;
mod contrast;
mod licences;
mod metadata;
mod tidy;
