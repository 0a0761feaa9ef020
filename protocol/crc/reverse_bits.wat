;; Reverses the bits of each byte of a block, in place. scripts/build_wasm.ts makes reverse_bits.ts of it.
;;
;; A byte's bits are reversed by reversing those of its halves and changing their places. A half is one of sixteen
;; values, so that a swizzle looks sixteen of them up at once. The relaxed one does without a check of the indices,
;; which are always in range here.
(module
  (memory (export "memory") 1)

  ;; The first `size` bytes of memory; those up to the next multiple of 16 are reversed too.
  (func (export "reverseBits") (param $size i32)
    (local $at i32)
    (local $bytes v128)
    ;; As locals, since constants are loaded each time that they are used.
    (local $half v128)
    (local $toUpper v128)
    (local $toLower v128)
    (local.set $half
      (v128.const i8x16 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15 15))
    (local.set $toLower
      (v128.const i8x16 0x0 0x8 0x4 0xc 0x2 0xa 0x6 0xe 0x1 0x9 0x5 0xd 0x3 0xb 0x7 0xf))
    (local.set $toUpper
      (v128.const i8x16
        0x00 0x80 0x40 0xc0 0x20 0xa0 0x60 0xe0 0x10 0x90 0x50 0xd0 0x30 0xb0 0x70 0xf0))
    (loop $next
      (local.set $bytes (v128.load (local.get $at)))
      (v128.store
        (local.get $at)
        (v128.or
          (i8x16.relaxed_swizzle
            (local.get $toUpper)
            (v128.and (local.get $bytes) (local.get $half)))
          (i8x16.relaxed_swizzle
            (local.get $toLower)
            ;; A shift of wider lanes is cheaper; what it brings in from the next byte goes with the mask.
            (v128.and
              (i32x4.shr_u (local.get $bytes) (i32.const 4))
              (local.get $half)))))
      (br_if $next
        (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 16)))
          (local.get $size))))))
