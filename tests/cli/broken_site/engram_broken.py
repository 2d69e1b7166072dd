raise RuntimeError("no data file")
