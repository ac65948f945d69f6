"""Lines that are answered on a schedule: who may, when they are due, what is told of them."""
