//! The cache's blocks: who holds them, and what is in those that nobody holds any more.
//!
//! Full blocks form a tree: a node is the 16 tokens of a block after all those of its parent. A new
//! sequence walks down from the root and starts from what it finds. The walk may end inside a block;
//! then that block is copied and the copy continues. So a prefix is shared to the token, a fork of a
//! conversation costs one block, and a shorter prompt is a truncation.

use std::collections::{BTreeSet, HashMap};

use crate::limits::BLOCK_TOKENS;

/// The tree's root: the empty prefix.
const ROOT: u64 = 0;

pub(super) struct BlockPool {
    blocks: Vec<Block>,
    free: Vec<u32>,
    /// Blocks in the tree that nobody holds, least recently used first.
    idle: BTreeSet<(u64, u32)>,
    /// The blocks of each node's children.
    children: HashMap<u64, Vec<u32>>,
    next_node: u64,
    clock: u64,
}

#[derive(Clone, Default)]
struct Block {
    holders: u32,
    place: Option<Place>,
    last_used: u64,
}

/// A block's place in the tree.
#[derive(Clone)]
struct Place {
    parent: u64,
    node: u64,
    tokens: [u32; BLOCK_TOKENS],
}

/// Blocks for a new sequence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) blocks: Vec<u32>,
    /// Tokens that these blocks already hold.
    pub(super) tokens: usize,
    /// A block to copy first, and where to.
    pub(super) copy: Option<(u32, u32)>,
    /// The place in the tree after the full blocks.
    pub(super) node: u64,
}

impl BlockPool {
    pub(super) fn new(blocks: usize) -> BlockPool {
        BlockPool {
            blocks: vec![Block::default(); blocks],
            free: (0..blocks as u32).rev().collect(),
            idle: BTreeSet::new(),
            children: HashMap::new(),
            next_node: ROOT + 1,
            clock: 0,
        }
    }

    /// Takes `total` blocks for a sequence that begins with `tokens`; `None` if there are not enough.
    pub(super) fn take(&mut self, tokens: &[u32], total: usize) -> Option<Taken> {
        let (mut held, mut node) = (Vec::new(), ROOT);
        let mut partial = None;
        loop {
            let rest = &tokens[held.len() * BLOCK_TOKENS..];
            let Some((block, common)) = self.closest(node, rest) else {
                break;
            };
            if common < BLOCK_TOKENS {
                partial = Some((block, common));
                break;
            }
            node = self.blocks[block as usize]
                .place
                .as_ref()
                .map_or(ROOT, |place| place.node);
            held.push(block);
        }
        // Holding comes first: what is held cannot be taken for something else below.
        held.iter().for_each(|block| self.hold(*block));
        let new = total.saturating_sub(held.len());
        if self.free.len() + self.idle.len() < new {
            self.release(&held);
            return None;
        }
        let mut taken = Taken {
            tokens: held.len() * BLOCK_TOKENS,
            blocks: held,
            copy: None,
            node,
        };
        for _ in 0..new {
            let block = self.free_block(partial.map(|(block, _)| block))?;
            taken.blocks.push(block);
        }
        if let Some((from, common)) = partial.filter(|_| new > 0) {
            let to = taken.blocks[taken.tokens / BLOCK_TOKENS];
            taken.copy = (from != to).then_some((from, to));
            taken.tokens += common;
        }
        Some(taken)
    }

    /// Puts a full block into the tree and gives its node. If the tree has these tokens already, the
    /// block stays private and the node is the other one's.
    pub(super) fn share(&mut self, parent: u64, tokens: &[u32], block: u32) -> u64 {
        if let Some((other, BLOCK_TOKENS)) = self.closest(parent, tokens)
            && let Some(place) = &self.blocks[other as usize].place
        {
            return place.node;
        }
        let Ok(tokens) = <[u32; BLOCK_TOKENS]>::try_from(tokens) else {
            return parent;
        };
        let node = self.next_node;
        self.next_node += 1;
        self.blocks[block as usize].place = Some(Place {
            parent,
            node,
            tokens,
        });
        self.children.entry(parent).or_default().push(block);
        node
    }

    /// Gives up a sequence's blocks. Those in the tree stay there until their room is needed, the
    /// deepest first: a block is of no use without those before it.
    pub(super) fn release(&mut self, blocks: &[u32]) {
        for &index in blocks.iter().rev() {
            self.clock += 1;
            let block = &mut self.blocks[index as usize];
            block.last_used = self.clock;
            block.holders -= 1;
            if block.holders == 0 {
                if block.place.is_some() {
                    self.idle.insert((block.last_used, index));
                } else {
                    self.free.push(index);
                }
            }
        }
    }

    /// The child of a node that shares the most tokens with `tokens`, and how many; `None` if none.
    fn closest(&self, node: u64, tokens: &[u32]) -> Option<(u32, usize)> {
        let children = self.children.get(&node)?;
        let common = |block: &u32| {
            let place = self.blocks[*block as usize].place.as_ref()?;
            let common = place
                .tokens
                .iter()
                .zip(tokens)
                .take_while(|(a, b)| a == b)
                .count();
            Some((*block, common))
        };
        let best = children
            .iter()
            .filter_map(common)
            .max_by_key(|(_, common)| *common);
        best.filter(|(_, common)| *common > 0)
    }

    fn hold(&mut self, index: u32) {
        let block = &mut self.blocks[index as usize];
        if block.holders == 0 {
            self.idle.remove(&(block.last_used, index));
        }
        block.holders += 1;
    }

    /// A block for new tokens: a free one, or the least recently used idle one. `last` is taken only
    /// if there is no other, since it is about to be copied from.
    fn free_block(&mut self, last: Option<u32>) -> Option<u32> {
        let index = self.free.pop().or_else(|| {
            let other = self.idle.iter().find(|(_, block)| Some(*block) != last);
            let (used, index) = *other.or_else(|| self.idle.first())?;
            self.idle.remove(&(used, index));
            Some(index)
        })?;
        let block = &mut self.blocks[index as usize];
        block.holders = 1;
        if let Some(place) = block.place.take()
            && let Some(children) = self.children.get_mut(&place.parent)
        {
            children.retain(|child| *child != index);
            if children.is_empty() {
                self.children.remove(&place.parent);
            }
        }
        Some(index)
    }

    /// Blocks that a new sequence could get.
    #[cfg(test)]
    pub(super) fn available(&self) -> usize {
        self.free.len() + self.idle.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(range: std::ops::Range<u32>) -> Vec<u32> {
        range.collect()
    }

    fn fill(pool: &mut BlockPool, tokens: &[u32]) -> Vec<u32> {
        let taken = pool
            .take(tokens, tokens.len().div_ceil(BLOCK_TOKENS))
            .unwrap();
        let mut node = taken.node;
        for (index, block) in tokens
            .chunks_exact(BLOCK_TOKENS)
            .enumerate()
            .skip(taken.tokens / BLOCK_TOKENS)
        {
            node = pool.share(node, block, taken.blocks[index]);
        }
        taken.blocks
    }

    #[test]
    fn a_prefix_is_found_to_the_token() {
        let mut pool = BlockPool::new(16);
        let first = fill(&mut pool, &tokens(0..48));
        pool.release(&first);
        assert_eq!(pool.available(), 16);
        // All three blocks are the same; so is half of the third.
        let mut other = tokens(0..40);
        other.extend([900; 20]);
        let taken = pool.take(&other, 5).unwrap();
        assert_eq!((taken.tokens, &taken.blocks[..2]), (40, &first[..2]));
        assert_eq!(taken.copy, Some((first[2], taken.blocks[2])));
        assert_eq!(pool.take(&tokens(1..48), 1).unwrap().tokens, 0);
    }

    #[test]
    fn held_blocks_are_shared_and_never_taken() {
        let mut pool = BlockPool::new(4);
        let first = fill(&mut pool, &tokens(0..32));
        let taken = pool.take(&tokens(0..32), 4).unwrap();
        assert_eq!(taken.blocks[..2], first[..]);
        assert_eq!(pool.available(), 0);
        assert_eq!(pool.take(&tokens(0..16), 2), None);
        pool.release(&first);
        assert_eq!(pool.available(), 0);
        pool.release(&taken.blocks);
        assert_eq!(pool.available(), 4);
    }

    #[test]
    fn the_least_recently_used_goes_first_and_the_deepest_before_its_parents() {
        let mut pool = BlockPool::new(4);
        for start in [0, 100] {
            let blocks = fill(&mut pool, &tokens(start..start + 32));
            pool.release(&blocks);
        }
        let one = pool.take(&[7], 1).unwrap();
        assert_eq!(pool.take(&tokens(0..32), 2).unwrap().tokens, 16);
        assert_eq!(one.tokens, 0);
    }

    #[test]
    fn a_block_can_become_its_own_copy() {
        // The only idle block is the one to copy from.
        let mut pool = BlockPool::new(1);
        let first = fill(&mut pool, &tokens(0..16));
        pool.release(&first);
        let taken = pool.take(&tokens(0..9), 1).unwrap();
        assert_eq!((taken.tokens, taken.copy), (9, None));
    }

    #[test]
    fn equal_blocks_of_two_sequences_are_kept_once() {
        let mut pool = BlockPool::new(8);
        let first = pool.take(&[], 1).unwrap();
        let second = pool.take(&[], 1).unwrap();
        let node = pool.share(ROOT, &tokens(0..16), first.blocks[0]);
        assert_eq!(pool.share(ROOT, &tokens(0..16), second.blocks[0]), node);
        pool.release(&second.blocks);
        pool.release(&first.blocks);
        assert_eq!((pool.free.len(), pool.idle.len()), (7, 1));
    }
}
