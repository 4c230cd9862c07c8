"""The one encapsulation model: headers, fields, packets, faults. Nothing here does input or output."""
