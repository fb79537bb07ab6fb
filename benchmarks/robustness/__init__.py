"""What the tool does with hostile and broken inputs: by hand, and by a fuzzer. python -m benchmarks.robustness"""
