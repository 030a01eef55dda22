//! One GPU through NVML. The driver's units (mJ, mW, MHz, °C, %, ns) end here.

use nvml_wrapper::enum_wrappers::device::{Clock, PerformancePolicy, Sampling, TemperatureSensor};
use nvml_wrapper::enums::device::{SampleValue, UsedGpuMemory};
use nvml_wrapper::enums::gpm::GpmMetricId;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::gpm::{GpmSample, gpm_metrics_get};
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::sys_exports::field_id::{NVML_FI_DEV_POWER_AVERAGE, NVML_FI_DEV_POWER_INSTANT};
use nvml_wrapper::{Device, Nvml};

use super::field::{Field, State};
use super::gpu::{GpuReader, Process, ReadFault};
use super::nvml::read_fault;

/// 0 °C, K.
const FREEZING: f64 = 273.15;

/// One GPU.
#[derive(Debug)]
pub(super) struct NvmlGpu {
    nvml: &'static Nvml,
    device: Device<'static>,
    /// Activity is the difference of two samples; none if the GPU has no such counters (before Hopper).
    activity: Option<GpmSample<'static>>,
    /// What was found not to be supported, and is not asked for again.
    missing: [bool; Field::COUNT],
}

impl NvmlGpu {
    pub(super) fn new(nvml: &'static Nvml, device: Device<'static>) -> Self {
        let has_activity = device.gpm_support().unwrap_or(false);
        let activity = if has_activity { device.gpm_sample().ok() } else { None };
        Self { nvml, device, activity, missing: [false; Field::COUNT] }
    }

    /// Reads one field; a GPU that is lost is the only failure.
    fn read(
        &mut self,
        state: &mut State,
        field: Field,
        value: impl FnOnce(&Device<'static>) -> Result<f64, NvmlError>,
    ) -> Result<(), ReadFault> {
        if self.missing[field as usize] {
            return Ok(());
        }
        match value(&self.device).map_err(|error| read_fault(&error)) {
            Ok(value) => state.set(field, Some(value)),
            Err(ReadFault::NotSupported) => self.missing[field as usize] = true,
            Err(ReadFault::Lost(reason)) => return Err(ReadFault::Lost(reason)),
            Err(ReadFault::Failed(_)) => {}
        }
        Ok(())
    }

    /// The mean power of the last second and a momentary reading, W.
    pub(super) fn powers(&self) -> (Option<f64>, Option<f64>) {
        let mut state = State::new(0.0);
        self.read_power(&mut state);
        (state.get(Field::PowerAverage), state.get(Field::PowerInstant))
    }

    fn read_power(&self, state: &mut State) {
        let ids = [NVML_FI_DEV_POWER_AVERAGE, NVML_FI_DEV_POWER_INSTANT];
        let Ok(values) = self.device.field_values_for(&ids.map(FieldId)) else { return };
        for (field, value) in [Field::PowerAverage, Field::PowerInstant].into_iter().zip(values) {
            let watts = value.ok().and_then(|own| own.value.ok()).map(|value| number(&value) / 1e3);
            state.set(field, watts);
        }
    }

    fn read_activity(&mut self, state: &mut State) {
        let Some(before) = self.activity.take() else { return };
        let Ok(now) = self.device.gpm_sample() else { return };
        let fields = [
            (GpmMetricId::SmUtil, Field::SmActivity),
            (GpmMetricId::DramBwUtil, Field::DramActivity),
            (GpmMetricId::AnyTensorUtil, Field::TensorActivity),
        ];
        if let Ok(metrics) = gpm_metrics_get(self.nvml, &before, &now, &fields.map(|(id, _)| id)) {
            for ((_, field), metric) in fields.into_iter().zip(metrics) {
                state.set(field, metric.ok().map(|metric| metric.value / 100.0));
            }
        }
        self.activity = Some(now);
    }
}

impl GpuReader for NvmlGpu {
    fn energy(&mut self) -> Result<f64, ReadFault> {
        let millijoules = self.device.total_energy_consumption().map_err(|error| read_fault(&error))?;
        Ok(millijoules as f64 / 1e3)
    }

    fn samples(&mut self, seen_us: u64) -> Result<Vec<(u64, f64)>, ReadFault> {
        match self.device.samples(Sampling::Power, seen_us) {
            Ok(samples) => Ok(samples.iter().map(|own| (own.timestamp, number(&own.value) / 1e3)).collect()),
            // None since the last ones.
            Err(NvmlError::NotFound | NvmlError::NoData) => Ok(Vec::new()),
            Err(error) => Err(read_fault(&error)),
        }
    }

    fn state(&mut self, at: f64) -> Result<State, ReadFault> {
        let mut state = State::new(at);
        let own = &mut state;
        self.read(own, Field::Temperature, |gpu| Ok(f64::from(gpu.temperature(TemperatureSensor::Gpu)?) + FREEZING))?;
        self.read(own, Field::SmClock, |gpu| Ok(f64::from(gpu.clock_info(Clock::SM)?) * 1e6))?;
        self.read(own, Field::MemoryClock, |gpu| Ok(f64::from(gpu.clock_info(Clock::Memory)?) * 1e6))?;
        self.read(own, Field::ThrottleReasons, |gpu| Ok(gpu.current_throttle_reasons()?.bits() as f64))?;
        let violation = |gpu: &Device<'static>, policy| Ok(gpu.violation_status(policy)?.violation_time as f64 / 1e9);
        self.read(own, Field::PowerViolation, |gpu| violation(gpu, PerformancePolicy::Power))?;
        self.read(own, Field::ThermalViolation, |gpu| violation(gpu, PerformancePolicy::Thermal))?;
        self.read(own, Field::MemoryUsed, |gpu| Ok(gpu.memory_info()?.used as f64))?;
        self.read(own, Field::GpuUtilization, |gpu| Ok(f64::from(gpu.utilization_rates()?.gpu) / 100.0))?;
        self.read(own, Field::MemoryUtilization, |gpu| Ok(f64::from(gpu.utilization_rates()?.memory) / 100.0))?;
        self.read_power(own);
        self.read_activity(own);
        Ok(state)
    }

    fn processes(&mut self) -> Result<Vec<Process>, ReadFault> {
        let all = self.device.running_compute_processes().map_err(|error| read_fault(&error))?;
        let process = |own: nvml_wrapper::struct_wrappers::device::ProcessInfo| Process {
            pid: own.pid,
            memory_b: match own.used_gpu_memory {
                UsedGpuMemory::Used(bytes) => Some(bytes),
                UsedGpuMemory::Unavailable => None,
            },
        };
        Ok(all.into_iter().map(process).collect())
    }
}

fn number(value: &SampleValue) -> f64 {
    match *value {
        SampleValue::F64(value) => value,
        SampleValue::U32(value) => f64::from(value),
        SampleValue::U64(value) => value as f64,
        SampleValue::I64(value) => value as f64,
    }
}
