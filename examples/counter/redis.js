// As much of Redis' protocol as a counter needs: numbers, errors and one line of text come back.
'use strict';

const net = require('node:net');

class Redis {
  constructor(host, port = 6379) {
    this.waiting = [];
    this.rest = '';
    this.socket = net.connect({ host, port });
    this.socket.setEncoding('utf8');
    this.socket.on('data', (text) => this.read(text));
    this.socket.on('error', (error) => this.fail(error));
    this.socket.on('close', () => this.fail(new Error('the connection is closed')));
  }

  call(...words) {
    const lines = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    return new Promise((resolve, reject) => {
      if (this.broken) {
        reject(this.broken);
        return;
      }
      this.waiting.push({ resolve, reject });
      this.socket.write(`*${words.length}\r\n${lines.join('')}`);
    });
  }

  read(text) {
    const lines = (this.rest + text).split('\r\n');
    this.rest = lines.pop();
    for (const line of lines) {
      const { resolve, reject } = this.waiting.shift();
      if (line[0] === '-') reject(new Error(line.slice(1)));
      else resolve(line[0] === ':' ? Number(line.slice(1)) : line.slice(1));
    }
  }

  fail(error) {
    this.broken ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.broken);
  }
}

module.exports = { Redis };
