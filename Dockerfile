# The app as a container or a Docker Space: docker build -t rbvae . && docker run -p 7860:7860 rbvae
FROM python:3.12-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends libegl1 libgles2 libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 user
USER user
WORKDIR /home/user/rbvae
ENV PATH=/home/user/.local/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860

# CPU builds of torch and torchvision from PyTorch's own index: 5 GB less than the default ones.
RUN pip install --no-cache-dir --user torch torchvision --index-url https://download.pytorch.org/whl/cpu
COPY --chown=user requirements.txt .
RUN pip install --no-cache-dir --user --requirement requirements.txt
COPY --chown=user . .

EXPOSE 7860
CMD ["python", "app/app.py"]
