"""Problems whose truth is known: the paper's tasks and the benchmark tasks, a file per family."""
