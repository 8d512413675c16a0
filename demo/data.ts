import { seeded, type Dice } from './dice.js';
import { people, shelves, verdicts, type Shelf } from './words.js';

/** One demo customer, as the users service answers it. */
export interface User {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly city: string;
  readonly phone: string;
  readonly joinedAt: string;
}

/** A sum in the smallest unit of its currency (cents). */
export interface Money {
  readonly amountMinor: number;
  readonly currency: string;
}

/** The shelf a product lies on; the names are those of the proto enum. */
export type Category = 'FABRIC' | 'THREAD' | 'NEEDLES' | 'TOOLS' | 'KITS';

/** One product, as the catalogue knows it. `imageUrl` is missing where nobody took a picture. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly category: Category;
  readonly price: Money;
  readonly stock: number;
  readonly tags: readonly string[];
  readonly imageUrl?: string;
  readonly createdAt: string;
}

/** How far an order has come. */
export type OrderStatus = 'PLACED' | 'PAID' | 'SHIPPED' | 'DELIVERED' | 'CANCELLED';

/** One line of an order; the price is the one of the day it was placed. */
export interface OrderItem {
  readonly productId: string;
  readonly quantity: number;
  readonly unitPrice: Money;
}

/** One order. `userId` is text, as a GraphQL `ID` is. */
export interface Order {
  readonly id: string;
  readonly userId: string;
  readonly placedAt: string;
  readonly status: OrderStatus;
  readonly items: readonly OrderItem[];
  readonly total: Money;
}

/** One review of a product by a customer; `rating` is 1 to 5. */
export interface Review {
  readonly id: string;
  readonly productId: string;
  readonly userId: number;
  readonly rating: number;
  readonly title: string;
  readonly body: string;
}

/** The product that orders still name although the catalogue has dropped it. */
export const deletedProductId = 'p-42';

/** The customer who is gone: one order still carries this id. */
export const goneUserId = 13;

/** The 12 customers, by id. */
export const users: readonly User[] = makeUsers();

/** All 60 products ever sold, by id, the deleted one among them. */
export const products: readonly Product[] = makeProducts();

/** The 180 orders, by id, which is also the order they were placed in. */
export const orders: readonly Order[] = makeOrders();

/** The 120 reviews, by id. */
export const reviews: readonly Review[] = makeReviews();

/** Adds up the lines of an order, in minor units. */
export function totalOf(items: readonly OrderItem[]): Money {
  const amountMinor = items.reduce((sum, item) => sum + item.quantity * item.unitPrice.amountMinor, 0);
  return { amountMinor, currency: 'EUR' };
}

/** Writes a moment as ISO text in UTC, to the second. */
export function isoSeconds(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Makes an id such as `o-007`: a prefix and a number padded to `width` digits. */
export function numbered(prefix: string, number: number, width: number): string {
  return `${prefix}-${String(number).padStart(width, '0')}`;
}

function makeUsers(): User[] {
  const dice = seeded(11);
  return people.map(([name, city], index) => ({
    id: index + 1,
    name,
    email: `${asciiName(name)}@mail.example`,
    city,
    // Ofcom keeps 07700 900000 to 900999 for fiction: nobody answers there.
    phone: `+44 7700 900${String(100 + dice.below(900))}`,
    joinedAt: isoSeconds(Date.UTC(2023, index, 1 + dice.below(28), dice.below(24), dice.below(60))),
  }));
}

/** The first name in plain letters: `Zoë Ōkami` becomes `zoe`. */
function asciiName(name: string): string {
  const [first = ''] = name.normalize('NFD').replace(/\p{M}/gu, '').split(' ');
  return first.toLowerCase();
}

function makeProducts(): Product[] {
  const dice = seeded(23);
  return shelves.flatMap((shelf, shelfIndex) =>
    shelf.names.map((name, index) => makeProduct(dice, shelf, name, shelfIndex * 12 + index + 1)),
  );
}

function makeProduct(dice: Dice, shelf: Shelf, name: string, number: number): Product {
  const id = numbered('p', number, 2);
  const fiveCents = dice.below((shelf.to - shelf.from) / 5);
  const pictured = dice.below(3) > 0;
  return {
    id,
    name,
    description: `${name}. ${shelf.about}.`,
    category: shelf.category,
    price: { amountMinor: shelf.from + fiveCents * 5, currency: 'EUR' },
    stock: dice.below(8) === 0 ? 0 : 1 + dice.below(200),
    tags: dice.pick(shelf.tags, 1 + dice.below(2)).toSorted(),
    ...(pictured ? { imageUrl: `https://images.backstitch.example/${id}.jpg` } : {}),
    createdAt: isoSeconds(Date.UTC(2022, number % 12, 1 + dice.below(28), 9)),
  };
}

function makeOrders(): Order[] {
  const dice = seeded(41);
  let placedMs = Date.UTC(2025, 0, 3, 8, 15);
  return buyers(dice).map((userId, index) => {
    placedMs += (60 + dice.below(50 * 60)) * 60_000;
    const items = makeItems(dice);
    return {
      id: numbered('o', index + 1, 3),
      userId: String(userId),
      placedAt: isoSeconds(placedMs),
      status: statusAt(dice, index),
      items,
      total: totalOf(items),
    };
  });
}

/** Who places the 180 orders: everybody at least three times, the one who is gone once. */
function buyers(dice: Dice): number[] {
  const everybody = users.flatMap(({ id }) => [id, id, id]);
  const others = Array.from({ length: 143 }, () => 1 + dice.below(users.length));
  return dice.shuffle([...everybody, ...others, goneUserId]);
}

function makeItems(dice: Dice): OrderItem[] {
  return dice.pick(products, 1 + dice.below(4)).map((product) => ({
    productId: product.id,
    quantity: 1 + dice.below(5),
    unitPrice: product.price,
  }));
}

function statusAt(dice: Dice, index: number): OrderStatus {
  if (dice.below(14) === 0) return 'CANCELLED';
  if (index < 150) return 'DELIVERED';
  if (index < 165) return 'SHIPPED';
  return index < 174 ? 'PAID' : 'PLACED';
}

function makeReviews(): Review[] {
  const dice = seeded(67);
  return Array.from({ length: 120 }, (_, index) => {
    const rating = 1 + Math.max(dice.below(5), dice.below(5));
    const [title, body] = verdicts[rating - 1] ?? verdicts[0];
    return {
      id: numbered('r', index + 1, 3),
      productId: numbered('p', 1 + dice.below(products.length), 2),
      userId: 1 + dice.below(users.length),
      rating,
      title,
      body,
    };
  });
}
