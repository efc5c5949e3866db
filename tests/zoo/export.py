#!/usr/bin/env python3
"""Exports models of every kind with random weights, for tests/zoo/check.py.

    /usr/bin/python3 tests/zoo/export.py FOLDER [--large] [NAME ...]

Needs Debian's python3-torch and python3-torchvision. Files that exist are kept. Without names: all small ones, with --large
torchvision's networks of usual size too. Weights of normalisations and their statistics are random, so that no two tensors
are equal: the exporter stores equal ones once, which ties layers together.
"""
import argparse
import math
import os
import sys
import warnings

import torch
import torch.nn.functional as F
import torchvision
from torch import nn

LARGE = ["resnet18", "resnet50", "resnext50_32x4d", "vgg16_bn", "densenet121", "mobilenet_v2", "mobilenet_v3_large",
         "shufflenet_v2_x1_0", "squeezenet1_1", "vit_b_16", "bert_base"]


class Encoder(nn.Module):
    """torch's own transformer encoder over continuous steps."""

    def __init__(self, width=32, batch_first=True):
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=batch_first)
        self.embed, self.layers, self.head = nn.Linear(12, width), nn.TransformerEncoder(layer, 2), nn.Linear(width, 5)
        self.steps = 1 if batch_first else 0

    def forward(self, x):
        return self.head(self.layers(self.embed(x)).mean(self.steps))


class Bert(nn.Module):
    """An encoder of tokens of the size of BERT-base: 109 million parameters."""

    def __init__(self, width=768, layers=12, tokens=30522, positions=512):
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, 12, 4 * width, dropout=0.0, activation="gelu", batch_first=True)
        self.words, self.positions = nn.Embedding(tokens, width), nn.Embedding(positions, width)
        self.kinds, self.norm = nn.Embedding(2, width), nn.LayerNorm(width)
        self.layers, self.pool = nn.TransformerEncoder(layer, layers), nn.Linear(width, width)
        self.head = nn.Linear(width, 2)

    def forward(self, ids):
        x = self.words(ids) + self.positions(torch.arange(ids.shape[1])) + self.kinds(torch.zeros_like(ids))
        return self.head(torch.tanh(self.pool(self.layers(self.norm(x))[:, 0])))


class Words(nn.Module):
    """An encoder of tokens written as BERT's is in most libraries, with a mask of what is padding: tests/zoo/fuse.py makes
    fused operators of it."""

    def __init__(self, width=32, heads=4, layers=2, tokens=50, positions=16):
        super().__init__()
        self.heads, self.size, self.count = heads, width // heads, layers
        self.words, self.positions = nn.Embedding(tokens, width), nn.Embedding(positions, width)
        self.kinds, self.norm = nn.Embedding(2, width), nn.LayerNorm(width)
        self.q, self.k, self.v, self.mix = (nn.ModuleList(nn.Linear(width, width) for _ in range(layers)) for _ in range(4))
        self.up = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(layers))
        self.down = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(layers))
        self.first, self.second = (nn.ModuleList(nn.LayerNorm(width) for _ in range(layers)) for _ in range(2))
        self.pool, self.head = nn.Linear(width, width), nn.Linear(width, 5)
        self.register_buffer("places", torch.arange(positions)[None])

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, self.size).permute(0, 2, 1, 3)

    def forward(self, ids, kinds, mask):
        x = self.norm(self.words(ids) + self.kinds(kinds) + self.positions(self.places[:, :ids.shape[1]]))
        hidden = (1.0 - mask[:, None, None, :].float()) * -10000.0
        for i in range(self.count):
            q, k, v = (self.split(part[i](x)) for part in (self.q, self.k, self.v))
            scores = (q @ k.transpose(-1, -2) / math.sqrt(self.size) + hidden).softmax(-1)
            mixed = (scores @ v).permute(0, 2, 1, 3).contiguous()
            x = self.first[i](self.mix[i](mixed.view(x.shape[0], x.shape[1], self.heads * self.size)) + x)
            x = self.second[i](self.down[i](F.gelu(self.up[i](x))) + x)
        return self.head(torch.tanh(self.pool(x[:, 0])))


class CrossAttention(nn.Module):
    """A decoder that attends to other steps than its own."""

    def __init__(self, width=32):
        super().__init__()
        self.own, self.other = nn.Linear(12, width), nn.Linear(7, width)
        self.layer = nn.TransformerDecoderLayer(width, 4, 48, dropout=0.0, batch_first=True)
        self.head = nn.Linear(width, 5)

    def forward(self, x, y):
        return self.head(self.layer(self.own(x), self.other(y)))


class Gpt(nn.Module):
    """A decoder with one matrix for queries, keys and values, a causal mask, and the embedding as its head."""

    def __init__(self, width=32, heads=4, layers=2, tokens=50, steps=16):
        super().__init__()
        self.heads, self.count = heads, layers
        self.token, self.place = nn.Embedding(tokens, width), nn.Embedding(steps, width)
        self.first, self.second = (nn.ModuleList(nn.LayerNorm(width) for _ in range(layers)) for _ in range(2))
        self.qkv = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(layers))
        self.mix = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.up = nn.ModuleList(nn.Linear(width, 4 * width) for _ in range(layers))
        self.down = nn.ModuleList(nn.Linear(4 * width, width) for _ in range(layers))
        self.last = nn.LayerNorm(width)
        self.register_buffer("hidden", torch.triu(torch.ones(steps, steps), 1).bool())

    def forward(self, ids):
        batch, steps = ids.shape
        x = self.token(ids) + self.place(torch.arange(steps))
        for i in range(self.count):
            q, k, v = (part.view(batch, steps, self.heads, -1).transpose(1, 2)
                       for part in self.qkv[i](self.first[i](x)).split(x.shape[-1], 2))
            scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
            scores = scores.masked_fill(self.hidden[:steps, :steps], -1e9).softmax(-1)
            x = x + self.mix[i]((scores @ v).transpose(1, 2).reshape(batch, steps, -1))
            x = x + self.down[i](F.gelu(self.up[i](self.second[i](x))))
        return self.last(x) @ self.token.weight.t()


class Rms(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.scale


class Llama(nn.Module):
    """Root mean square norms, rotary places, queries in groups that share keys and values, a gated middle."""

    def __init__(self, width=32, heads=4, shared=2, tokens=50, layers=2, steps=16):
        super().__init__()
        self.heads, self.shared, self.size, self.count = heads, shared, width // heads, layers
        self.token = nn.Embedding(tokens, width)
        self.first, self.second = (nn.ModuleList(Rms(width) for _ in range(layers)) for _ in range(2))
        self.q, self.mix = (nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(layers)) for _ in range(2))
        self.k, self.v = (nn.ModuleList(nn.Linear(width, shared * self.size, bias=False) for _ in range(layers))
                          for _ in range(2))
        self.gate, self.up = (nn.ModuleList(nn.Linear(width, 48, bias=False) for _ in range(layers)) for _ in range(2))
        self.down = nn.ModuleList(nn.Linear(48, width, bias=False) for _ in range(layers))
        self.last, self.head = Rms(width), nn.Linear(width, tokens, bias=False)
        angle = torch.arange(steps)[:, None] * 10000 ** (-torch.arange(0, self.size, 2) / self.size)[None]
        self.register_buffer("cos", torch.cat([angle, angle], 1).cos())
        self.register_buffer("sin", torch.cat([angle, angle], 1).sin())
        self.register_buffer("hidden", torch.triu(torch.ones(steps, steps), 1).bool())

    def turned(self, x):
        half = self.size // 2
        other = torch.cat([-x[..., half:], x[..., :half]], -1)
        return x * self.cos[:x.shape[2]] + other * self.sin[:x.shape[2]]

    def forward(self, ids):
        batch, steps = ids.shape
        x = self.token(ids)
        for i in range(self.count):
            y = self.first[i](x)
            q = self.q[i](y).view(batch, steps, self.heads, -1).transpose(1, 2)
            k, v = (m[i](y).view(batch, steps, self.shared, -1).transpose(1, 2) for m in (self.k, self.v))
            q, k = self.turned(q), self.turned(k)
            times = self.heads // self.shared
            k, v = (part[:, :, None].expand(batch, self.shared, times, steps, self.size).reshape(
                batch, self.heads, steps, self.size) for part in (k, v))
            scores = (q @ k.transpose(-1, -2) / math.sqrt(self.size)).masked_fill(self.hidden[:steps, :steps], -1e9)
            x = x + self.mix[i]((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, steps, -1))
            y = self.second[i](x)
            x = x + self.down[i](F.silu(self.gate[i](y)) * self.up[i](y))
        return self.head(self.last(x))


class Recurrent(nn.Module):
    """Tokens, two recurrent layers, the last state."""

    def __init__(self, kind, bidirectional):
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.layers = kind(16, 24, 2, bidirectional=bidirectional, batch_first=True)
        self.head = nn.Linear(48 if bidirectional else 24, 5)

    def forward(self, ids):
        return self.head(self.layers(self.embed(ids))[0][:, -1])


class Speaker(nn.Module):
    """Reads steps, and then says one token after the other, with attention to what it has read: a loop whose body has
    weights, scripted as such decoders are."""

    def __init__(self, width=24, tokens=20):
        super().__init__()
        self.read, self.embed = nn.Linear(6, width), nn.Embedding(tokens, width)
        self.look, self.gate, self.new = nn.Linear(width, width), nn.Linear(3 * width, width), nn.Linear(3 * width, width)
        self.say = nn.Linear(width, tokens)

    def forward(self, x):
        memory = torch.tanh(self.read(x))
        state = memory.mean(1)
        said = self.say(state)
        for _ in range(x.shape[1]):
            weights = (memory @ self.look(state)[:, :, None]).softmax(1)
            seen = torch.cat([self.embed(said.argmax(1)), (weights * memory).sum(1), state], 1)
            gate = torch.sigmoid(self.gate(seen))
            state = gate * state + (1 - gate) * torch.tanh(self.new(seen))
            said = said * 0.5 + self.say(state)
        return said


class EarlyExit(nn.Module):
    """Goes on with a second half only where the first one is not sure: two branches with weights of their own."""

    def __init__(self, width=24):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(12, width), nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.early, self.late, self.back = nn.Linear(width, 5), nn.Linear(width, 5), nn.Linear(2 * width, width)

    def forward(self, x):
        h = torch.relu(self.second(torch.relu(self.first(x))))
        y = self.early(h)
        if bool(y.softmax(1).max() < 0.999):
            y = y + self.late(h + self.back(torch.relu(self.third(h))))
        else:
            y = y * 2.0
        return y


class Unet(nn.Module):
    """Skips by concatenation, group norms, transposed convolutions."""

    def __init__(self):
        super().__init__()

        def block(inputs, outputs):
            return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(4, outputs), nn.ReLU())

        self.down = nn.ModuleList([block(3, 16), block(16, 32), block(32, 64)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(64, 32, 2, 2), nn.ConvTranspose2d(32, 16, 2, 2)])
        self.join = nn.ModuleList([block(64, 32), block(32, 16)])
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        a = self.down[0](x)
        b = self.down[1](F.max_pool2d(a, 2))
        c = self.join[0](torch.cat([self.up[0](self.down[2](F.max_pool2d(b, 2))), b], 1))
        return self.out(self.join[1](torch.cat([self.up[1](c), a], 1)))


class Temporal(nn.Module):
    """A 1-D network of dilated causal convolutions with residual blocks and weight-sharing over time."""

    def __init__(self, width=24):
        super().__init__()
        self.first = nn.Conv1d(4, width, 1)
        self.a = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=2 ** i) for i in range(3))
        self.b = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(3))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.first(x)
        for i in range(3):
            x = x + self.b[i](F.leaky_relu(self.a[i](F.pad(x, (2 ** (i + 1), 0)))))
        return self.head(x.mean(2))


class Sines(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 24), nn.Linear(24, 24), nn.Linear(24, 1)])

    def forward(self, x):
        return self.layers[2](torch.sin(self.layers[1](torch.sin(30 * self.layers[0](x)))))


class Nhwc(nn.Module):
    """Channels last between the operators, as converters from other frameworks leave it; squeeze-and-excite."""

    def __init__(self):
        super().__init__()
        self.a, self.depth, self.b = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 32, 3, groups=16), nn.Conv2d(32, 24, 1)
        self.squeeze, self.excite, self.head = nn.Linear(32, 8), nn.Linear(8, 32), nn.Linear(24, 4)

    def forward(self, x):
        x = F.relu(self.a(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        x = F.relu6(self.depth(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((1, 2))))))
        x = self.b((x * gate[:, None, None]).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.head(F.hardswish(x).mean((1, 2)))


def ids():
    return torch.randint(0, 50, (2, 9))


SMALL = {
    "encoder": lambda: (Encoder(), (torch.randn(2, 7, 12),)),
    "encoder-steps-first": lambda: (Encoder(batch_first=False), (torch.randn(7, 2, 12),)),
    "cross-attention": lambda: (CrossAttention(), (torch.randn(2, 7, 12), torch.randn(2, 5, 7))),
    "gpt": lambda: (Gpt(), (ids(),)),
    "words": lambda: (Words(), (ids(), torch.randint(0, 2, (2, 9)), torch.ones(2, 9, dtype=torch.long))),
    "speaker": lambda: (Speaker(), (torch.randn(2, 7, 6),)),
    "early-exit": lambda: (EarlyExit(), (torch.randn(2, 12),)),
    "llama": lambda: (Llama(), (ids(),)),
    "lstm": lambda: (Recurrent(nn.LSTM, True), (ids(),)),
    "gru": lambda: (Recurrent(nn.GRU, False), (ids(),)),
    "unet": lambda: (Unet(), (torch.randn(1, 3, 16, 16),)),
    "temporal": lambda: (Temporal(), (torch.randn(2, 4, 20),)),
    "sines": lambda: (Sines(), (torch.randn(30, 2),)),
    "nhwc": lambda: (Nhwc(), (torch.randn(2, 12, 12, 3),)),
    "mobilenet_v3_small": lambda: (torchvision.models.mobilenet_v3_small(num_classes=10), (torch.randn(1, 3, 64, 64),)),
    "shufflenet_v2_x0_5": lambda: (torchvision.models.shufflenet_v2_x0_5(num_classes=10), (torch.randn(1, 3, 64, 64),)),
}


def large(name):
    if name.startswith("bert_base"):
        return Bert(), (torch.randint(0, 30522, (1, 16)),)
    return getattr(torchvision.models, name)(), (torch.randn(1, 3, 224, 224),)


# Scripted, not traced, so that loops and branches stay what they are.
SCRIPTED = ["speaker", "early-exit"]
# Inputs by name, of any number of samples.
NAMED = {"words": ["ids", "kinds", "mask"], "speaker": ["x"], "early-exit": ["x"]}


def export(path, model, inputs, name):
    for parameter in model.parameters():
        if parameter.dim() < 2 or parameter.min() == parameter.max():
            nn.init.uniform_(parameter, 0.5, 1.5) if parameter.data.mean() > 0.9 else nn.init.normal_(parameter, 0, 0.1)
    for key, buffer in model.named_buffers():
        if key.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        if key.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    for parameter in model.parameters():  # layers that torch copies start alike
        parameter.data += 0.02 * torch.randn_like(parameter)
    model = torch.jit.script(model.eval()) if name in SCRIPTED else model.eval()
    names = NAMED.get(name)
    more = {"input_names": names, "dynamic_axes": {value: {0: "samples"} for value in names}} if names else {}
    torch.onnx.export(model, inputs, path + ".part", opset_version=14, do_constant_folding=False,
                      training=torch.onnx.TrainingMode.PRESERVE, **more)
    os.replace(path + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    os.makedirs(options.folder, exist_ok=True)
    for seed, name in enumerate(options.names or [*SMALL, *(LARGE if options.large else [])]):
        path = os.path.join(options.folder, name + ".onnx")
        if not os.path.exists(path):
            torch.manual_seed(seed)
            export(path, *(SMALL[name]() if name in SMALL else large(name)), name)
            print(path, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
