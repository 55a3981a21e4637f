// Inside the service's container. The report is JUnit, in E2E_OUT.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');

function call(method, path) {
  return new Promise((resolve, reject) => {
    const request = http.request({ port: 3000, method, path, agent: false }, async (response) => {
      let text = '';
      for await (const part of response) text += part;
      resolve({ status: response.statusCode, ...JSON.parse(text) });
    });
    request.on('error', reject);
    request.end();
  });
}

const tests = {
  async 'a visit is counted'() {
    assert.deepStrictEqual(await call('POST', '/home'), { status: 200, visits: 1 });
    assert.deepStrictEqual(await call('POST', '/home'), { status: 200, visits: 2 });
  },
  async 'pages are counted apart'() {
    await call('POST', '/about');
    assert.strictEqual((await call('POST', '/imprint')).visits, 1);
  },
  async 'none of fifty at once is lost'() {
    await Promise.all(Array.from({ length: 50 }, () => call('POST', '/busy')));
    assert.strictEqual((await call('POST', '/busy')).visits, 51);
  },
  async 'a name that is none is refused'() {
    assert.strictEqual((await call('POST', '/a:b')).status, 404);
  },
};

const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

async function main() {
  const cases = [];
  for (const [name, test] of Object.entries(tests)) {
    const began = process.hrtime.bigint();
    const error = await test().then(() => null, (reason) => reason);
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    const fault = error ? `<failure message="${escape(error.message)}"/>` : '';
    cases.push(`<testcase classname="counter" name="${name}" time="${seconds}">${fault}</testcase>`);
    console.log(`${error ? 'not ok' : 'ok'} - ${name}`);
    if (error) process.exitCode = 1;
  }
  const report = `<testsuite name="counter">${cases.join('\n')}</testsuite>\n`;
  fs.writeFileSync(`${process.env.E2E_OUT}/counter.xml`, report);
}

main();
