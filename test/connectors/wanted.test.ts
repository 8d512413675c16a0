import { expect, test } from 'vitest';
import { covers, treeOf, unionOf, wantedText } from '../../src/connectors/wanted.js';

const city = treeOf([['address', 'city']]);
const street = treeOf([['address', 'street']]);
const address = treeOf([['address']]);

test('a whole value is more than some of its fields', () => {
  expect(covers(address, city)).toBe(true);
  expect(covers(city, address)).toBe(false);
  expect(unionOf(city, address)).toEqual(address);
  expect(unionOf(address, city)).toEqual(address);
  expect(unionOf(null, city)).toBeNull();
});

test('fields of both are in a union, in any order one text', () => {
  const both = treeOf([
    ['address', 'city'],
    ['address', 'street'],
  ]);
  expect(unionOf(city, street)).toEqual(both);
  expect(wantedText(unionOf(city, street))).toBe(wantedText(unionOf(street, city)));
  expect(unionOf(both, city)).toBe(both);
});
