//! The signature language: [`ast`] is what a checked rule is.
pub mod ast;
mod condition;
pub use ast::*;
