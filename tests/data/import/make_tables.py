"""Writes `mlenergy-tables/runs/*.parquet`: tables in the form of mlenergy-data, with made-up numbers.

Run beside this file with pyarrow (26.0): `python make_tables.py`.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

here = Path(__file__).parent / "mlenergy-tables" / "runs"
here.mkdir(parents=True, exist_ok=True)

served = {
    "domain": ["llm", "llm"],
    "task": ["gpqa", "gpqa"],
    "model_id": ["Org/Chat-8B", "Org/Chat-8B-FP8"],
    "nickname": ["Chat 8B", "Chat 8B"],
    "architecture": ["Dense", "Dense"],
    "total_params_billions": [8.0, 8.0],
    "activated_params_billions": [8.0, 8.0],
    "weight_precision": ["bfloat16", "fp8"],
    "gpu_model": ["H100", "H100"],
    "num_gpus": [1, 1],
    "max_num_seqs": [16, 32],
    "seed": [48105, None],
    "num_request_repeats": [5, None],
    "tensor_parallel": [1, 1],
    "expert_parallel": [1, 1],
    "data_parallel": [1, 1],
    "steady_state_energy_joules": [21000.0, 9000.0],
    "steady_state_duration_seconds": [40.0, 15.0],
    "energy_per_token_joules": [0.42, 0.2],
    "energy_per_request_joules": [420.0, None],
    "output_throughput_tokens_per_sec": [1250.0, 3000.0],
    "request_throughput_req_per_sec": [1.25, None],
    "avg_power_watts": [525.0, 600.0],
    "total_output_tokens": [99000.0, None],
    "completed_requests": [99.0, None],
    "avg_output_len": [1000.0, None],
    "mean_itl_ms": [12.5, 10.0],
    "median_itl_ms": [12.0, 9.5],
    "p50_itl_ms": [12.0, 9.5],
    "p90_itl_ms": [13.0, 11.0],
    "p95_itl_ms": [13.5, 12.0],
    "p99_itl_ms": [15.0, 14.0],
    "avg_batch_size": [15.8, 30.0],
    "is_stable": [True, False],
    "unstable_reason": ["", "short_steady_state:15.0"],
    "results_path": ["llm/a/results.json", "llm/b/results.json"],
    "prometheus_path": ["llm/a/prometheus.json", "llm/b/prometheus.json"],
}
pq.write_table(pa.table(served), here / "llm.parquet", compression="zstd")

generated = {
    "domain": ["diffusion"],
    "task": ["text-to-video"],
    "model_id": ["Org/Film"],
    "nickname": ["Film"],
    "total_params_billions": [2.0],
    "activated_params_billions": [2.0],
    "weight_precision": ["bfloat16"],
    "gpu_model": ["B200"],
    "num_gpus": [2],
    "batch_size": [1],
    "inference_steps": [50],
    "height": [480],
    "width": [720],
    "num_frames": [49],
    "fps": [8],
    "ulysses_degree": [2],
    "ring_degree": [1],
    "use_torch_compile": [False],
    "batch_latency_s": [40.0],
    "avg_power_watts": [1500.0],
    "energy_per_generation_joules": [60000.0],
    "throughput_generations_per_sec": [0.025],
    "results_path": ["diffusion/a/results.json"],
}
pq.write_table(pa.table(generated), here / "diffusion.parquet", compression="snappy")
