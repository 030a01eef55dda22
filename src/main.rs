//! The command `joules`: arguments, one question, its answer, an exit code.

use std::process::ExitCode;

use joules::cli::{Arguments, Context};

fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let mut context = Context::new();
    match arguments.run(&mut context) {
        Ok(outcome) => outcome.code(),
        Err(failure) => context.complain(&failure),
    }
}
