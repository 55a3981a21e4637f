"""The program: arguments in, one client call, a result out."""
