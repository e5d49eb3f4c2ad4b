print("empty company")
