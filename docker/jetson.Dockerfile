# PyTorch for the GPU of a Jetson with JetPack 7, on the image of docker/Dockerfile, which is built there first. Never built and never run.
# docker build -f docker/jetson.Dockerfile --build-arg INDEX=ADDRESS -t epofusion_ros:jetson . && docker run --runtime nvidia --network host --ipc host epofusion_ros:jetson
FROM epofusion_ros
# The package index with PyTorch for the JetPack of the Jetson, as NVIDIA names it.
ARG INDEX
USER root
RUN pip install --no-cache-dir --index-url "${INDEX:?give --build-arg INDEX}" torch torchvision \
    && pip install --no-cache-dir safetensors timm
USER ubuntu
CMD ["ros2", "launch", "epofusion_ros", "epofusion.launch.py", "engine:=torch", "device:=cuda"]
