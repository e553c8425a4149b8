"""What is known of a source's records and a target's forms from looking at them: learnt, kept, compared."""
