// Tells how a voter voted: GET /votes/VOTER
const http = require("http");
const { Pool } = require("pg");

const store = new Pool({ host: "store", user: "clerk", password: "clerk", database: "clerk" });
http.createServer(async (request, response) => {
  const voter = request.url.split("/").pop();
  try {
    const found = await store.query("SELECT choice FROM votes WHERE voter = $1", [voter]);
    response.statusCode = found.rows.length ? 200 : 404;
    response.end(found.rows.length ? found.rows[0].choice : "no such voter\n");
  } catch (error) {
    response.statusCode = 503;
    response.end(`${error.message}\n`);
  }
}).listen(80);
