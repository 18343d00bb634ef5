"""One module a file format; each dataset's `Reader` is named in `dlx.config.specs.datasets`."""
