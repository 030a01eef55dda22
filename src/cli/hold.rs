//! `joules hold-context`: what other commands start to see what an idle CUDA context draws.

use std::path::PathBuf;

use clap::Args;

use super::{Context, Outcome};
use crate::measure::meter::open_contexts;

/// Hold an idle CUDA context on each visible GPU until standard input ends
#[derive(Args, Debug)]
pub(super) struct Hold {
    /// The CUDA driver's library
    #[arg(long, value_name = "PATH")]
    cuda_lib: Option<PathBuf>,
}

impl Hold {
    pub(super) fn run(&self, context: &Context) -> Outcome {
        if let Err(reason) = open_contexts(self.cuda_lib.as_deref(), &mut std::io::stdout()) {
            context.remark(&reason);
            return Outcome::Unsuccessful;
        }
        // Until whoever started this closes its end, or is gone.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        Outcome::Answered
    }
}
