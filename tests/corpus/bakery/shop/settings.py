BREAD = "rye"
