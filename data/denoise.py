"""A workload that is no server: denoising steps of a diffusion transformer with random weights, on one GPU.

    joules measure -- python3 data/denoise.py --batch 4 --steps 20

The shape is that of a transformer of 24 blocks, width 1536, over the 4096 patches of a picture of 1024 x 1024 pixels
(latents of 128 x 128, patches of 2 x 2). There is no text encoder and no decoder of pictures. What is set up (imports,
weights, first steps) lies outside of the marks that it writes; a mark says when it was written on the monotonic clock.
"""

import argparse
import os
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x):
        batch, patches, width = x.shape
        q, k, v = self.qkv(self.norms[0](x)).view(batch, patches, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, patches, width))
        return x + self.down(F.gelu(self.up(self.norms[1](x)), approximate="tanh"))


class Denoiser(nn.Module):
    def __init__(self, blocks=24, width=1536, heads=24, channels=16, patch=2):
        super().__init__()
        self.read = nn.Conv2d(channels, width, patch, patch)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.write = nn.Linear(width, channels * patch * patch)
        self.patch = patch

    def forward(self, latents):
        side = latents.shape[-1] // self.patch
        x = self.read(latents).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        x = self.write(x).view(-1, side, side, latents.shape[1], self.patch, self.patch)
        return x.permute(0, 3, 1, 4, 2, 5).reshape(latents.shape)


def mark(line):
    """Tells the meter where a window begins and ends."""
    if path := os.environ.get("JOULES_MARKS"):
        with open(path, "a") as marks:
            marks.write(f"{line} at={time.clock_gettime_ns(time.CLOCK_MONOTONIC)}\n")


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=4, help="pictures that are denoised together")
    parser.add_argument("--steps", type=int, default=20, help="denoising steps of a picture")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the measured window is at least")
    arguments = parser.parse_args()

    torch.manual_seed(0)
    model = Denoiser().to("cuda", torch.bfloat16)
    noise = torch.randn(arguments.batch, 16, 128, 128, device="cuda", dtype=torch.bfloat16)

    def pictures():
        latents = noise
        for _ in range(arguments.steps):
            latents = latents - model(latents) / arguments.steps
        torch.cuda.synchronize()

    pictures()
    made, begun = 0, time.monotonic()
    mark("begin")
    while time.monotonic() - begun < arguments.seconds:
        pictures()
        made += arguments.batch
    mark(f"end images={made}")
    print(f"{made} images in {time.monotonic() - begun:.2f} s")


main()
