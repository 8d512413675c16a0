import type { Category } from './data.js';

/** The names and cities of the 12 customers, all invented. */
export const people = [
  ['Ada Threadwell', 'Lisbon'],
  ['Bruno Castellane', 'Marseille'],
  ['Zoë Ōkami 🧵', 'Kyōto'],
  ['Dagny Holmberget', 'Tromsø'],
  ['Emeka Obiandu', 'Enugu'],
  ['Farida Nourani', 'Shiraz'],
  ['Gustavo Peralinho', 'Porto Alegre'],
  ['Hana Vrbková', 'Brno'],
  ['Ilse van der Naald', 'Utrecht'],
  ['Joaquín Del Hilo', 'Oaxaca'],
  ['Kirsty MacBobbin', 'Dundee'],
  ["Léa d'Aiguille", 'Lyon'],
] as const;

/** One category: what its products are called, cost (minor units) and are tagged with. */
export interface Shelf {
  readonly category: Category;
  readonly about: string;
  readonly from: number;
  readonly to: number;
  readonly tags: readonly string[];
  readonly names: readonly string[];
}

/** The five categories, twelve products each. */
export const shelves: readonly Shelf[] = [
  {
    category: 'FABRIC',
    about: 'Sold by the metre, pre-washed',
    from: 650,
    to: 3200,
    tags: ['natural', 'soft', 'sturdy', 'summer'],
    names: [
      'Plain linen',
      'Washed denim',
      'Striped ticking',
      'Boiled wool',
      'Cotton lawn',
      'Waxed canvas',
      'Brushed flannel',
      'Silk noil',
      'Herringbone tweed',
      'Bamboo jersey',
      'Dotted muslin',
      'Corduroy, eight wale',
    ],
  },
  {
    category: 'THREAD',
    about: 'Wound on a paper spool',
    from: 190,
    to: 1250,
    tags: ['bright', 'fine', 'hand', 'strong'],
    names: [
      'All-purpose thread',
      'Buttonhole twist',
      'Sashiko thread 刺し子',
      'Topstitch thread',
      'Invisible thread',
      'Overlock cone',
      'Metallic thread',
      'Linen thread, waxed',
      'Quilting thread',
      'Embroidery floss',
      'Darning wool',
      'Elastic thread',
    ],
  },
  {
    category: 'NEEDLES',
    about: 'Hardened steel in a labelled case',
    from: 240,
    to: 990,
    tags: ['hand', 'machine', 'fine', 'heavy'],
    names: [
      'Sharps, mixed',
      'Betweens, size 9',
      'Tapestry needles',
      'Leather needles',
      'Ballpoint needles',
      'Twin needle',
      'Curved needles',
      'Darning needles',
      'Self-threading needles',
      'Jeans needles',
      'Beading needles',
      'Bodkin set',
    ],
  },
  {
    category: 'TOOLS',
    about: 'Made to be repaired',
    from: 350,
    to: 6400,
    tags: ['classic', 'gift', 'new', 'workshop'],
    names: [
      'Dressmaking shears',
      'Thread snips',
      'Seam ripper',
      'Tracing wheel',
      'Tailor’s chalk',
      'Pin magnet',
      'Measuring tape',
      'Sleeve board',
      'Rotary cutter',
      'Point turner',
      'Pin cushion',
      'Thimble, brass',
    ],
  },
  {
    category: 'KITS',
    about: 'Everything in one box, with a printed guide',
    from: 1500,
    to: 8900,
    tags: ['beginner', 'weekend', 'gift', 'children'],
    names: [
      'Tote bag kit',
      'Visible mending kit',
      'First quilt kit',
      'Apron kit',
      'Bow tie kit',
      'Felt animals kit',
      'Cushion kit',
      'Travel repair kit',
      'Embroidery hoop kit',
      'Bookbinding kit',
      'Patchwork scarf kit',
      'Linen shirt kit',
    ],
  },
];

/** A title and a body for each rating, 1 to 5. */
export const verdicts = [
  ['Not for me', 'It came apart after one evening, and the colour is not the one in the picture.'],
  ['Could be better', 'It does the work, but I had hoped for a firmer finish.'],
  ['Fair', 'What it says on the label, no more and no less.'],
  ['Good', 'I have used it every week since it arrived, and would buy it again.'],
  ['A joy', 'My grandmother borrowed it and has not given it back. 🪡'],
] as const;
