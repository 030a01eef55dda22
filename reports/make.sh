#!/usr/bin/env bash
# Makes every report of this folder again, from the data and the fitted model inside the binary.
set -euo pipefail
cd "$(dirname "$0")/.."
joules() { cargo run --quiet --release -- "$@"; }

joules diagnose q3-8b/n64 q3-8b-eager/n64 --format markdown --out reports/h200-eager.md
joules diagnose q3-8b/n64 q3-8b-fp8/n256 --format markdown --out reports/h200-load-and-fp8.md
joules diagnose q3-8b/n8 q3-8b/n8_cotenant_copy --format markdown --out reports/h200-co-tenant.md
