// POST /NAME counts a visit, DELETE /NAME forgets them; both say how many there were.
'use strict';

const http = require('node:http');
const { Redis } = require('./redis.js');

const redis = new Redis(process.env.REDIS_HOST);
const COMMANDS = { POST: 'INCR', DELETE: 'DEL' };

async function answer(request) {
  if (request.url === '/health') return [200, { status: await redis.call('PING') }];
  const command = COMMANDS[request.method];
  if (!/^\/[a-z]+$/.test(request.url) || !command) return [404, { error: 'no such page' }];
  return [200, { visits: await redis.call(command, `visits:${request.url.slice(1)}`) }];
}

const server = http.createServer(async (request, response) => {
  const [status, data] = await answer(request).catch((error) => [503, { error: error.message }]);
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(data));
});

process.on('SIGTERM', () => process.exit(0));
server.listen(3000);
