#!/usr/bin/env bash
# Makes every report of this folder again, from the data and the fitted model inside the binary.
set -euo pipefail
cd "$(dirname "$0")/.."
joules() { cargo run --quiet --release -- "$@"; }

joules diagnose q3-8b/n64 q3-8b-eager/n64 --format markdown --out reports/h200-eager.md
joules diagnose q3-8b/n64 q3-8b-fp8/n256 --format markdown --out reports/h200-load-and-fp8.md
joules diagnose q3-8b/n8 q3-8b/n8_cotenant_copy --format markdown --out reports/h200-co-tenant.md
joules diagnose q3-8b/n64 q3-8b-eager/n64 --format html --out reports/h200-eager.html
joules whatif q3-8b/n64 --set precision=bf16,fp8 --set concurrency=16..512 --budget itl_p50=15ms --format markdown --out reports/h200-what-if.md
joules plan --model Qwen/Qwen3-32B --task lm-arena-chat --demand '20000 tokens/s' --gpu H100=16 --gpu B200=8 --limit itl_p50=50ms \
  --power-budget 20kW --pue 1.3 --robust 90% --format markdown --out reports/plan-chat.md
joules study --format markdown --out reports/h200-study.md
