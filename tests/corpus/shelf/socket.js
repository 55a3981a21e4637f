require("http").createServer((_, response) => response.end("open\n")).listen(9000);
