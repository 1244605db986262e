// Puts a bearer token on every request and passes it on, for clients that have none to give: the conformance suite.
// Arguments: the port of loopback to listen on, the address to pass on to, the token.
import { createServer, request } from 'node:http';

const [port, target, token] = process.argv.slice(2);
const [host, targetPort] = target.split(':');

createServer((asked, answer) => {
    // Repeated headers stay repeated, and the host is the one that was asked for.
    const headers = [...asked.rawHeaders, 'authorization', `Bearer ${token}`];
    const onward = request({ host, port: targetPort, method: asked.method, path: asked.url, headers }, (got) => {
        answer.writeHead(got.statusCode, got.rawHeaders);
        got.pipe(answer);
        got.on('error', () => answer.destroy());
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
}).listen(Number(port), '127.0.0.1');
