ADMIN = "admin"
