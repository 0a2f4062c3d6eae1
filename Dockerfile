# gdbench in a container. Two targets: `cpu`, and `cuda` for machines with NVIDIA's container
# toolkit. torch's default wheel for Linux brings the CUDA libraries; for a smaller `cpu` image
# give the address of an index of CPU wheels: --build-arg TORCH_INDEX=...
#
#   docker build --target cpu -t gdbench:cpu .
#   docker build --target cuda -t gdbench:cuda .
#   docker run --rm gdbench:cpu evaluate --model mini-clip --suite mini --limit 2
#   docker run --rm --gpus all -v "$PWD/data:/data" -v "$PWD/runs:/home/gdbench/runs" gdbench:cuda \
#     evaluate --model sd2.1 --tasks winoground --root /data

FROM python:3.11-slim-bookworm AS wheel
WORKDIR /src
RUN pip install --no-cache-dir build==1.6.1
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY gdbench gdbench
RUN python -m build --wheel --outdir /dist

FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    GDBENCH_CACHE=/cache/gdbench \
    GDBENCH_DATA=/data \
    HF_HOME=/cache/huggingface
COPY constraints.txt /constraints.txt
COPY --from=wheel /dist /dist
RUN useradd --create-home --uid 1000 gdbench \
 && mkdir -p /cache /data \
 && chown gdbench:gdbench /cache /data
WORKDIR /home/gdbench
ENTRYPOINT ["gdbench"]
CMD ["--help"]

FROM base AS cpu
ARG TORCH_INDEX=""
RUN pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
      --constraint /constraints.txt /dist/*.whl
USER 1000

FROM base AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN pip install --no-cache-dir --constraint /constraints.txt /dist/*.whl
USER 1000
