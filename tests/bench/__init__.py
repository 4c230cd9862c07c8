"""Benchmarks: ratios against dpkt, scapy, bare struct and `ip netns`, all taken in one run.

    python -m tests.bench                 # all of them
    python -m tests.bench decode start    # some of them

A module here with `ROWS: list of functions` that give `Row`s is part of the run when BENCHES names it. Machines
are noisy: contestants run in interleaved rounds and each is judged by its fastest one.
"""
