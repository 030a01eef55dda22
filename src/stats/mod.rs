//! Samples, intervals and robust estimates.
