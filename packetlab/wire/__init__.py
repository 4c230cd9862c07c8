"""The only place that opens sockets: devices, the recorder, and the loop that runs a conversation."""
