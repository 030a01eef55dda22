//! Which meters a command reads.

use std::path::PathBuf;

use clap::Args;

use crate::measure::meter::{Holder, MeterChoice};

/// Which meters. All commands that measure have these options.
#[derive(Args, Debug)]
pub(super) struct Meters {
    /// GPUs by index or identity, such as 0,1 [default: those of `CUDA_VISIBLE_DEVICES`, else all]
    #[arg(long, value_name = "LIST")]
    gpus: Option<String>,
    /// The driver's library
    #[arg(long, value_name = "PATH", hide = true)]
    nvml_lib: Option<PathBuf>,
    /// The CUDA driver's library
    #[arg(long, value_name = "PATH", hide = true)]
    cuda_lib: Option<PathBuf>,
    /// Folder of the processor's energy counters
    #[arg(long, value_name = "DIR", hide = true)]
    powercap: Option<PathBuf>,
}

impl Meters {
    /// The options again, for another call of this program.
    pub(super) fn arguments(&self) -> Vec<String> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let options = [
            ("--gpus", self.gpus.clone()),
            ("--nvml-lib", path(&self.nvml_lib)),
            ("--cuda-lib", path(&self.cuda_lib)),
            ("--powercap", path(&self.powercap)),
        ];
        let given = options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
        given.flatten().collect()
    }

    /// This program, as it holds CUDA contexts.
    fn holder(&self) -> Option<Holder> {
        let mut command = vec![std::env::current_exe().ok()?, "hold-context".into()];
        if let Some(library) = &self.cuda_lib {
            command.extend(["--cuda-lib".into(), library.clone()]);
        }
        Some(Holder { command })
    }

    /// The meters that are asked for, by options and environment.
    pub(super) fn choice(&self) -> MeterChoice {
        MeterChoice {
            nvml_lib: self.nvml_lib.clone(),
            gpus: self.gpus.clone(),
            visible: std::env::var("CUDA_VISIBLE_DEVICES").ok(),
            powercap: self.powercap.clone(),
            holder: self.holder(),
            ..MeterChoice::default()
        }
    }
}
