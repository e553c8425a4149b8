"""Running a scheme: read, map, deliver, call back; recovery and progress."""
