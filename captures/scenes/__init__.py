"""The scenes of the sample captures, one module per layer."""

from scenes import application, link, network, transport
from scenes.scene import Scene

SCENES: dict[str, Scene] = {
    scene.name: scene for module in (link, network, transport, application) for scene in module.SCENES
}
