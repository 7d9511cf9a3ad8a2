import { describe, expect, test } from 'vitest';
import { type RedisMode, redisUrls, redisUrlsFault } from './redisServers.js';

const faultOf = (text: string, mode: RedisMode) => redisUrlsFault(redisUrls(text), mode);

describe('Redis by URL', () => {
  test.each<[string, RedisMode]>([
    ['redis://127.0.0.1', 'single'],
    ['rediss://app:hunter2@cache.example.com:6380/2', 'single'],
    ['redis://a.example.com:7000, redis://b.example.com:7001,', 'cluster'],
    ['redis://:hunter2@a.example.com,redis://b.example.com', 'cluster'],
    ['redis://a.example.com:7000/0', 'cluster'],
    ['redis://a.example.com:26379/3,redis://b.example.com:26379', 'sentinel'],
  ])('%s is accepted as %s', (text, mode) => {
    expect(faultOf(text, mode)).toBeUndefined();
  });

  test.each<[string, RedisMode, RegExp]>([
    ['', 'single', /an empty list/],
    [',', 'cluster', /an empty list/],
    ['redis://a,redis://b', 'single', /one server, got a list of 2; REDIS_MODE/],
    ['hunter2', 'single', /no URL/],
    ['http://:hunter2@h', 'single', /scheme http:/],
    ['redis://', 'single', /a host/],
    ['redis://h/hunter', 'single', /database number as the path/],
    ['redis://h/1', 'cluster', /a cluster has one database/],
    ['redis://a,b:7000', 'cluster', /^entry 2: .*scheme b:/],
    ['redis://a,rediss://b', 'cluster', /one scheme/],
    ['redis://:hunter2@a,redis://:hunter3@b', 'sentinel', /one user and password/],
  ])('%s as %s is refused with what was expected, without the password', (text, mode, message) => {
    const fault = faultOf(text, mode);
    expect(fault).toMatch(message);
    expect(fault).not.toMatch(/hunter[23]/);
  });

  test('a list is taken apart at its commas', () => {
    expect(redisUrls(' redis://a , redis://b,')).toEqual(['redis://a', 'redis://b']);
  });
});
