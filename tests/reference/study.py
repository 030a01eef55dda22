"""The observations of `joules study`, computed a second time.

    python3 study.py FOLDER      FOLDER is the leaderboard's public/data (tasks/*.json, models/*.json)

Written from the definitions alone, with the standard library, without joules. Prints one JSON object:
observation -> "what it is of" -> name of the number -> value. Latencies in s, energies in J, changes and shares as fractions.
"""

import json
import math
import statistics
import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path

TEXT_TASKS = ["gpqa", "lm-arena-chat", "sourcegraph-fim"]
MODALITY = {"image-chat": "image", "video-chat": "video"}
DIFFUSION = {"text-to-image": "image", "text-to-video": "video"}
LEFT_OUT_OF_POOL = {"sourcegraph-fim"}
DEADLINES = {"text": [0.05, 0.1, 0.25], "multimodal": [0.05, 0.1, 0.25], "image": [10, 30, 60], "video": [100, 500, 1000]}
BINS = [(0, 8), (9, 16), (17, 64), (65, 256), (257, math.inf)]
REFERENCE_BATCH = 16
SIMILAR_SIZE = 1.25
LARGE_MODEL = 70e9
ENERGY_RISES, LATENCY_FALLS = 1.02, 0.95
ORDER = ["H100", "B200"]  # by memory bandwidth
SUFFIXES = ["-fp8", "-fp8-dynamic", "-mxfp4", "-nvfp4", "-bf16"]


class Row:
    """One configuration, in SI units."""

    def __init__(self, task, raw):
        self.task = task
        self.raw = raw
        published = raw["model_id"]
        self.model = next((published[: -len(s)] for s in SUFFIXES if published.lower().endswith(s)), published)
        self.precision = {"bfloat16": "bf16"}.get(raw["weight_precision"], raw["weight_precision"])
        self.gpu, self.gpus = raw["gpu_model"], raw["num_gpus"]
        self.kind = DIFFUSION.get(task) or ("multimodal" if task in MODALITY else "text")
        self.power = raw["avg_power_watts"]
        self.total = raw["total_params_billions"] * 1e9
        self.active = raw["activated_params_billions"] * 1e9
        if task in DIFFUSION:
            self.batch = raw["batch_size"]
            self.energy = raw[f"energy_per_{self.kind}_joules"]
            self.latency = raw["batch_latency_s"]
            self.throughput = raw[f"throughput_{self.kind}s_per_sec"]
            self.degrees = (raw["ulysses_degree"], raw["ring_degree"])
            self.data_parallel = 1
        else:
            self.batch = raw["max_num_seqs"]
            self.energy = raw["energy_per_token_joules"]
            self.latency = raw["median_itl_ms"] / 1e3
            self.throughput = raw["output_throughput_tokens_per_sec"]
            self.degrees = None
            self.data_parallel = raw.get("data_parallel", 1)
            self.output = raw["avg_output_len"]
            self.response = raw["energy_per_request_joules"]

    @property
    def checkpoint(self):
        return f"{self.model} {self.precision}"


def read(folder):
    rows = []
    for file in sorted(Path(folder, "tasks").glob("*.json")):
        content = json.loads(file.read_text())
        rows += [Row(content["task"], raw) for raw in content["configurations"]]
    # Of several runs of one configuration the one of lowest energy.
    best = {}
    for row in rows:
        key = (row.task, row.checkpoint, row.gpu, row.gpus, row.degrees, row.data_parallel, row.batch)
        if key not in best or row.energy < best[key].energy:
            best[key] = row
    return list(best.values())


def groups(rows, key):
    found = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return {key: found[key] for key in sorted(found, key=str)}


def cheapest(rows):
    return min(rows, key=lambda row: row.energy)


def gpus_of(rows):
    known = {row.gpu for row in rows}
    return [gpu for gpu in ORDER if gpu in known]


def gpu_pairs(rows):
    return list(combinations(gpus_of(rows), 2))  # older, newer


def config(row):
    return f"{row.checkpoint} {row.gpus}x{row.gpu}"


def task_effect(rows, out):
    text = [row for row in rows if row.kind == "text"]
    for gpu in gpus_of(text):
        means = {}
        for task in TEXT_TASKS:
            own = groups([row for row in text if row.task == task and row.gpu == gpu], lambda row: row.checkpoint)
            best = [cheapest(group) for group in own.values()]
            if len(best) < 2:
                continue
            mean = lambda get: statistics.fmean(get(row) for row in best)
            means[task] = (mean(lambda r: r.output), mean(lambda r: r.energy), mean(lambda r: r.response))
            put = out[f"{task}, {gpu}"]
            put["models"] = len(best)
            put["mean_output_tokens"], put["mean_energy"], put["mean_energy_per_response"] = means[task]
        for one, other in combinations(means, 2):
            high, low = sorted((one, other), key=lambda task: -means[task][2])
            put = out[f"{high} over {low}, {gpu}"]
            ratios = [a / b for a, b in zip(means[high], means[low])]
            put["output_tokens_ratio"], put["energy_ratio"], put["energy_per_response_ratio"] = ratios
    pooled = defaultdict(list)
    for (checkpoint, gpu, count), own in groups(text, lambda row: (row.checkpoint, row.gpu, row.gpus)).items():
        by_task = groups(own, lambda row: row.task)
        last = {task: max(curve, key=lambda row: row.batch) for task, curve in by_task.items()}
        for one, other in combinations(last, 2):
            high, low = sorted((one, other), key=lambda task: -last[task].response)
            a, b = last[high], last[low]
            put = out[f"{high} over {low}, {checkpoint} {count}x{gpu}"]
            put["largest_batch_ratio"] = a.batch / b.batch
            put["output_tokens_ratio"] = a.output / b.output
            for which, row in (("first", a), ("second", b)):
                put[f"largest_batch_{which}"], put[f"output_tokens_{which}"] = row.batch, row.output
                put[f"energy_at_largest_batch_{which}"], put[f"energy_per_response_{which}"] = row.energy, row.response
            put["energy_ratio_at_largest_batch"] = a.energy / b.energy
            put["energy_per_response_ratio"] = a.response / b.response
            common = {r.batch for r in by_task[high]} & {r.batch for r in by_task[low]}
            equal = None
            if common:
                at = max(common)
                put["equal_batch"] = at
                first, second = (cheapest([r for r in by_task[task] if r.batch == at]) for task in (high, low))
                put["energy_at_equal_batch_first"], put["energy_at_equal_batch_second"] = first.energy, second.energy
                equal = first.energy / second.energy
                put["energy_ratio_at_equal_batch"] = equal
            pooled[f"{high} over {low}, same model, {gpu}"].append((a.response / b.response, equal))
    for of, values in pooled.items():
        put = out[of]
        put["pairs"] = len(values)
        put["median_energy_per_response_ratio"] = statistics.median(v[0] for v in values)
        equal = [v[1] for v in values if v[1] is not None]
        if equal:
            put["median_energy_ratio_at_equal_batch"] = statistics.median(equal)


def family(model):
    """The name of a model without what tells its variants apart."""
    owner, _, name = model.rpartition("/")
    drop = {"vl", "omni", "instruct", "thinking", "it"}
    parts = [p for p in name.split("-") if p.lower() not in drop and not (len(p) == 4 and p.isdigit())]
    return f"{owner}/{'-'.join(parts)}"


def modality_effect(rows, out):
    rows = [row for row in rows if row.kind in ("text", "multimodal")]
    pooled = defaultdict(list)
    for (name, precision, gpu), own in groups(rows, lambda r: (family(r.model), r.precision, r.gpu)).items():
        rich = [row for row in own if row.kind == "multimodal"]
        text = groups([row for row in own if row.kind == "text"], lambda row: row.task)
        if not rich or not text:
            continue
        length = statistics.fmean(row.output for row in rich)
        distance = lambda task: abs(math.log(statistics.fmean(r.output for r in text[task]) / length))
        base = text[min(text, key=distance)]
        by_task = groups(rich, lambda row: (row.task, row.model))
        counts = {row.gpus for row in base}
        for curve in by_task.values():
            counts &= {row.gpus for row in curve}
        if not counts:
            continue
        count = cheapest([row for row in base if row.gpus in counts]).gpus
        reference = cheapest([row for row in base if row.gpus == count])
        for (task, model), curve in by_task.items():
            best = cheapest([row for row in curve if row.gpus == count])
            ratio = best.energy / reference.energy
            out[f"{task} over {reference.task}, {model} {precision} {count}x{gpu}"]["energy_ratio"] = ratio
            pooled[f"{MODALITY[task]} over text, {gpu}"].append(ratio)
    spread(pooled, out, "models")


def spread(pooled, out, count, suffix="ratio"):
    for of, values in pooled.items():
        out[of][count] = len(values)
        out[of][f"smallest_{suffix}"] = min(values)
        out[of][f"median_{suffix}"] = statistics.median(values)
        out[of][f"largest_{suffix}"] = max(values)


def curves(rows):
    found = groups(rows, lambda r: (r.task, r.checkpoint, r.gpu, r.gpus, r.degrees, r.data_parallel))
    return [sorted(curve, key=lambda row: row.batch) for curve in found.values()]


def elasticity(a, b):
    return math.log(b.energy / a.energy) / math.log(b.batch / a.batch)


def batch_effect(rows, out):
    pooled, slopes = defaultdict(list), defaultdict(list)
    for curve in curves([row for row in rows if row.kind in ("text", "multimodal")]):
        first, last = curve[0], curve[-1]
        start = next((row for row in curve if row.batch >= REFERENCE_BATCH), None)
        if start and start.batch < last.batch:
            ratio = start.energy / last.energy
            put = out[f"{first.task}, {config(first)}"]
            put["batch_from"], put["batch_to"], put["energy_ratio"] = start.batch, last.batch, ratio
            pooled[first.kind].append(ratio)
        if len(curve) > 1:
            slopes[first.kind].append(
                (elasticity(curve[0], curve[1]), elasticity(first, last), elasticity(curve[-2], curve[-1]))
            )
        put = out[f"steps, {first.kind}, {first.gpu}"]
        for a, b in zip(curve, curve[1:]):
            put["steps"] = put.get("steps", 0) + 1
            for name, holds in (
                ("energy_rises", b.energy > ENERGY_RISES * a.energy),
                ("latency_falls", b.latency < LATENCY_FALLS * a.latency),
                ("power_falls", b.power < a.power),
                ("throughput_falls", b.throughput < a.throughput),
            ):
                put[name] = put.get(name, 0) + holds
    for key in [of for of in out if of.startswith("steps, ") and not out[of]]:
        del out[key]
    spread(pooled, out, "curves")
    for kind, values in slopes.items():
        names = ["elasticity_first_step", "elasticity_overall", "elasticity_last_step"]
        for name, column in zip(names, zip(*values)):
            out[f"elasticity, {kind}"][name] = statistics.median(column)


def model_size(rows, out):
    text = [row for row in rows if row.kind == "text"]
    pooled, dense_pairs = defaultdict(list), defaultdict(list)
    for (task, gpu), own in groups(text, lambda row: (row.task, row.gpu)).items():
        by_model = groups(own, lambda row: (row.checkpoint))
        best = {name: cheapest(group) for name, group in by_model.items()}
        kind = lambda row: row.raw["architecture"]
        moes = [row for row in best.values() if kind(row) == "MoE"]
        dense = [row for row in best.values() if kind(row) == "Dense Transformer"]
        for moe in moes:
            for other in dense:
                sizes = max(moe.total / other.total, other.total / moe.total)
                if sizes > SIMILAR_SIZE or moe.precision != other.precision:
                    continue
                put = out[f"{task}, {gpu}: {other.model} over {moe.model}, {moe.precision}"]
                put["dense_over_moe"] = other.energy / moe.energy
                put["batch_of_moe"], put["batch_of_dense"] = moe.batch, other.batch
                pooled[f"{task}, {gpu}"].append(other.energy / moe.energy)
                a, b = by_model[moe.checkpoint], by_model[other.checkpoint]
                common = {row.batch for row in a} & {row.batch for row in b}
                if common:
                    at = max(common)
                    put["equal_batch"] = at
                    put["dense_over_moe_at_equal_batch"] = (
                        cheapest([row for row in b if row.batch == at]).energy
                        / cheapest([row for row in a if row.batch == at]).energy
                    )
        for one, other in combinations(dense, 2):
            small, large = sorted((one, other), key=lambda row: row.total)
            owner = lambda row: row.model.split("/")[0]
            if owner(small) == owner(large) and small.precision == large.precision and large.total > SIMILAR_SIZE * small.total:
                dense_pairs[f"dense models, {task}, {gpu}"].append(large.energy / small.energy)
    for of, values in pooled.items():
        out[of]["pairs"] = len(values)
        out[of]["moe_uses_less"] = sum(value > 1 for value in values)
        out[of]["median_dense_over_moe"] = statistics.median(values)
    for of, values in dense_pairs.items():
        out[of]["pairs"] = len(values)
        out[of]["larger_uses_more"] = sum(value > 1 for value in values)


def split_of(old, new, rows, deadline):
    """ln(new/old) as the part at equal batch, the part of the batch that the deadline allowed, and other batch limits."""
    total = math.log(new.energy / old.energy)
    if old.batch == new.batch:
        return total, 0.0, 0.0
    small, large = sorted((old, new), key=lambda row: row.batch)
    same = lambda row, like: (row.gpu, row.gpus, row.degrees, row.data_parallel) == (
        like.gpu, like.gpus, like.degrees, like.data_parallel)
    at = [row for row in rows if same(row, large) and row.batch == small.batch]
    if not at:
        return None
    equal = math.log(at[0].energy / small.energy)
    if small is new:
        equal = -equal
    late = [row.batch for row in rows if same(row, small) and row.batch > small.batch and row.latency > deadline]
    share = 0.0
    if late:
        share = math.log(min(large.batch, max(late)) / small.batch) / math.log(large.batch / small.batch)
    return equal, share * (total - equal), (1 - share) * (total - equal)


def deadline_words(deadline):
    return f"{round(deadline * 1e3)} ms" if deadline < 1 else f"{deadline:g} s"


def pools_of(row):
    own = [row.task]
    if row.kind == "text" and row.task not in LEFT_OUT_OF_POOL:
        own.append("text without sourcegraph-fim")
    return own


def gpu_generation(rows, out):
    for older, newer in gpu_pairs(rows):
        ratios, splits = defaultdict(list), defaultdict(list)
        for (task, checkpoint), own in groups(rows, lambda row: (row.task, row.checkpoint)).items():
            for deadline in DEADLINES[own[0].kind] + [math.inf]:
                sides = [[r for r in own if r.gpu == gpu and r.latency <= deadline] for gpu in (older, newer)]
                if not all(sides):
                    continue
                old, new = map(cheapest, sides)
                ratio = new.energy / old.energy
                name = deadline_words(deadline) if deadline < math.inf else "no deadline"
                for pool in pools_of(own[0]):
                    head = f"{newer} against {older}, {pool}"
                    ratios[f"{head}, {name}"].append(ratio)
                    if deadline < math.inf:
                        ratios[head].append(ratio)
                        splits[head].append((math.log(ratio), split_of(old, new, own, deadline)))
        for of, values in ratios.items():
            put = out[of]
            put["comparisons"] = len(values)
            put[f"{newer.lower()}_wins"] = sum(value < 1 for value in values)
            put["median_reduction"] = 1 - statistics.median(values)
            put["smallest_reduction"] = 1 - max(values)
            put["largest_reduction"] = 1 - min(values)
        for of, values in splits.items():
            known = [(log, split) for log, split in values if split]
            if not known:
                continue
            put = out[of]
            put["comparisons_split"] = len(known)
            put["mean_log_ratio"] = statistics.fmean(log for log, _ in known)
            names = ["mean_log_at_equal_batch", "mean_log_latency_constraint", "mean_log_other_batch_limit"]
            for name, column in zip(names, zip(*(split for _, split in known))):
                put[name] = statistics.fmean(column)


def upper_median(values):
    return sorted(values)[len(values) // 2]


def bin_words(low, high):
    if low == 0:
        return f"batch up to {high}"
    return f"batch above {low - 1}" if high == math.inf else f"batch {low} to {high}"


def precision(rows, out):
    rows = [row for row in rows if row.kind in ("text", "multimodal")]
    changes, left_out = defaultdict(list), 0
    for own in groups(rows, lambda r: (r.task, r.model, r.gpu, r.gpus, r.batch)).values():
        for wide in [row for row in own if row.precision == "bf16"]:
            for narrow in [row for row in own if row.precision == "fp8"]:
                if wide.data_parallel != narrow.data_parallel:
                    left_out += 1
                    continue
                low, high = next((l, h) for l, h in BINS if l <= wide.batch <= h)
                pair = (narrow.energy / wide.energy - 1, narrow.latency / wide.latency - 1)
                changes[f"fp8 against bf16, {bin_words(low, high)}"].append(pair)
    if left_out:
        out["fp8 against bf16"]["pairs_left_out"] = left_out
    for of, pairs in changes.items():
        out[of]["pairs"] = len(pairs)
        for metric, values in zip(("energy", "latency"), zip(*pairs)):
            out[of][f"fp8_wins_{metric}"] = sum(value < 0 for value in values)
            out[of][f"smallest_{metric}_change"] = min(values)
            out[of][f"median_{metric}_change"] = upper_median(values)
            out[of][f"largest_{metric}_change"] = max(values)


def more_gpus(rows, out):
    found = defaultdict(list)
    for own in groups(rows, lambda r: (r.task, r.checkpoint, r.gpu, r.batch)).values():
        best = [cheapest(group) for group in groups(own, lambda row: row.gpus).values()]
        for few, many in combinations(sorted(best, key=lambda row: row.gpus), 2):
            found[f"{few.kind}, {few.gpu}"].append((many.energy / few.energy, many.latency / few.latency))
    for of, pairs in found.items():
        out[of]["pairs"] = len(pairs)
        out[of]["more_gpus_use_more_energy"] = sum(energy > 1 for energy, _ in pairs)
        out[of]["more_gpus_are_faster"] = sum(latency < 1 for _, latency in pairs)
        out[of]["median_energy_ratio"] = statistics.median(energy for energy, _ in pairs)
        out[of]["median_latency_ratio"] = statistics.median(latency for _, latency in pairs)
        out[of]["largest_energy_ratio"] = max(energy for energy, _ in pairs)


def gpu_count(rows, out):
    more_gpus([row for row in rows if row.kind in ("text", "multimodal")], out)


def diffusion_gpu_count(rows, out):
    more_gpus([row for row in rows if row.kind in ("image", "video")], out)


def memory_unlocked(rows, out):
    rows = [row for row in rows if row.kind in ("text", "multimodal")]
    pooled = defaultdict(list)
    for (task, checkpoint, gpu), own in groups(rows, lambda r: (r.task, r.checkpoint, r.gpu)).items():
        by_count = groups(own, lambda row: row.gpus)
        for few, many in combinations(sorted(by_count), 2):
            largest = [max(row.batch for row in by_count[count]) for count in (few, many)]
            reduction = 1 - cheapest(by_count[many]).energy / cheapest(by_count[few]).energy
            grows = largest[1] > largest[0]
            pooled[f"{'larger batch' if grows else 'no larger batch'}, {own[0].kind}, {gpu}"].append(reduction)
            put = out[f"{task}, {checkpoint}, {few}x{gpu} to {many}x{gpu}"]
            put["largest_batch_from"], put["largest_batch_to"], put["energy_reduction"] = *largest, reduction
    for of, values in pooled.items():
        out[of]["comparisons"] = len(values)
        out[of]["more_gpus_use_less"] = sum(value > 0 for value in values)
        out[of]["median_reduction"] = statistics.median(values)
        out[of]["largest_reduction"] = max(values)


def diffusion_settings(rows, out):
    for gpu in gpus_of(rows):
        best = {}
        for kind in ("image", "video"):
            own = [row for row in rows if row.kind == kind and row.gpu == gpu]
            best[kind] = [cheapest(group) for group in groups(own, lambda row: row.checkpoint).values()]
            if not best[kind]:
                continue
            energies = [row.energy for row in best[kind]]
            put = out[f"{kind}, {gpu}"]
            put["models"], put["smallest_energy"], put["largest_energy"] = len(energies), min(energies), max(energies)
            put["largest_over_smallest"] = max(energies) / min(energies)
            pairs = [(a, b) for a, b in combinations(sorted(best[kind], key=lambda r: r.total), 2) if a.total < b.total]
            if pairs:
                put["pairs"] = len(pairs)
                put["smaller_uses_more"] = sum(a.energy > b.energy for a, b in pairs)
        ratios = [v.energy / i.energy for v in best["video"] for i in best["image"]]
        if ratios:
            spread({f"video over image, {gpu}": ratios}, out, "model_pairs")
            out[f"video over image, {gpu}"]["pairs_above_100x"] = sum(ratio > 100 for ratio in ratios)


def diffusion_batch(rows, out):
    pooled = defaultdict(list)
    for curve in curves([row for row in rows if row.kind in ("image", "video")]):
        if len(curve) > 1:
            which = "one GPU" if curve[0].gpus == 1 else "several GPUs"
            pooled[f"{curve[0].kind}, {which}"].append(curve[-1].energy / curve[0].energy)
    spread(pooled, out, "curves")


def sequence_parallel_kind(rows, out):
    rows = [row for row in rows if row.kind in ("image", "video") and row.gpus > 1]
    found = defaultdict(list)
    for own in groups(rows, lambda r: (r.task, r.checkpoint, r.gpu, r.gpus, r.batch)).values():
        for ulysses in [row for row in own if row.degrees[1] == 1]:
            for ring in [row for row in own if row.degrees[0] == 1]:
                ratio = ring.energy / ulysses.energy
                found["all counts"].append(ratio)
                found[f"{ulysses.gpus} GPUs"].append(ratio)
    for of, values in found.items():
        out[of]["pairs"] = len(values)
        out[of]["ulysses_uses_less"] = sum(value > 1 for value in values)
        out[of]["median_ring_over_ulysses"] = statistics.median(values)


def throughput_per_watt(rows, out):
    out["all runs"]["runs"] = len(rows)
    out["all runs"]["largest_deviation_from_energy"] = max(
        abs(row.energy * row.throughput / row.power - 1) for row in rows
    )
    for older, newer in gpu_pairs(rows):
        pooled = defaultdict(list)
        for (task, checkpoint), own in groups(rows, lambda row: (row.task, row.checkpoint)).items():
            sides = [[row for row in own if row.gpu == gpu] for gpu in (older, newer)]
            if not all(sides):
                continue
            old, new = map(cheapest, sides)
            ratio = (old.throughput / old.power) / (new.throughput / new.power)
            pooled[f"{older} over {newer}, {task}"].append(ratio)
            if old.kind == "text" and old.total >= LARGE_MODEL:
                pooled[f"{older} over {newer}, text, 70 billion parameters and more"].append(ratio)
        spread(pooled, out, "models")


OBSERVATIONS = [
    task_effect, modality_effect, batch_effect, model_size, gpu_generation, precision, gpu_count, memory_unlocked,
    diffusion_settings, diffusion_batch, diffusion_gpu_count, sequence_parallel_kind, throughput_per_watt,
]  # fmt: skip


def main():
    rows = read(sys.argv[1])
    found = {}
    for observation in OBSERVATIONS:
        out = defaultdict(dict)
        observation(rows, out)
        found[observation.__name__] = {of: numbers for of, numbers in out.items() if numbers}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
