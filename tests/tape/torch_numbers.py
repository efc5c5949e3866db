#!/usr/bin/env python3
"""Computes the numbers of test_network.c with PyTorch, in double precision. Needs torch; run by hand when the network
changes, and paste what it prints."""
import torch

N, D, E, MODELS, ITERATIONS = 6, 5, 4, 2, 5
torch.set_default_dtype(torch.float64)


def fill(rows, columns, start):
    """The same numbers as fill() in test_network.c."""
    index = torch.arange(rows * columns, dtype=torch.float64)
    return (torch.sin(1.7 * index + start)).reshape(rows, columns).float().double()


x = fill(MODELS * N, D, 0.1)
w = [fill(N, N, 0.2 + m) for m in range(MODELS)]
names = ["inner", "self", "bias", "pooled", "peak", "last", "log_scale"]
p = dict(inner=fill(D, D, 0.3), self=fill(D, D, 0.4), bias=fill(1, D, 0.5), pooled=fill(D, D, 0.6),
         peak=fill(D, D, 0.7), last=fill(2 * D, E, 0.8), log_scale=fill(1, 1, 0.9))
for value in p.values():
    value.requires_grad_(True)
target = torch.tensor([2, 0, 1, 5, 3, 4])

h = x.reshape(MODELS, N, D)
arrived = torch.stack([0.5 * w[m] @ h[m] for m in range(MODELS)])
z = arrived @ p["inner"] + h @ p["self"] + p["bias"]
z = z + h.mean(dim=1, keepdim=True) @ p["pooled"] + h.max(dim=1, keepdim=True).values @ p["peak"]
z = torch.nn.functional.layer_norm(z, (D,), eps=1e-5)
z = torch.nn.functional.gelu(z, approximate="tanh")
f = torch.cat([z, torch.relu(h)], dim=2) @ p["last"]
f = f / f.norm(dim=2, keepdim=True)
scores = torch.exp(p["log_scale"]) * f[0] @ f[1].T
soft = scores
for _ in range(ITERATIONS):
    soft = soft - soft.logsumexp(dim=1, keepdim=True)
    soft = soft - soft.logsumexp(dim=0, keepdim=True)
mass = (soft.exp() * fill(N, N, 1.0)).sum()
loss = torch.nn.functional.cross_entropy(scores, target) + mass
loss.backward()
print(f"static const double LOSS = {loss.item():.12f};")
print("static const double SLOPES[] = {")
for name in names:
    gradient = p[name].grad
    along = (gradient * fill(*gradient.shape, 2.0)).sum().item()
    print(f"    {along:.12f}, {gradient.norm().item():.12f}, /* {name} */")
print("};")
