"""The wizard: questions one after the other, answers that outlive an interruption, a scheme in the end."""
