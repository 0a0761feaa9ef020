;; Reverses the bits of each byte of a block, in place. scripts/build_wasm.ts builds reverse_bits.ts from it.
;;
;; A byte is reversed by reversing its two halves and swapping them. A half has one of sixteen values, so a swizzle
;; looks up sixteen halves at once. The relaxed swizzle does not check indices, which are always in range here.
(module
  (memory (export "memory") 1)

  ;; Reverses the first `size` bytes of memory, rounded up to a multiple of 16.
  (func (export "reverseBits") (param $size i32)
    (local $at i32)
    (local $bytes v128)
    ;; Locals, because a constant is loaded each time that it is used.
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
            ;; A shift of wider lanes is cheaper. The mask removes the bits that it brings in from the next byte.
            (v128.and
              (i32x4.shr_u (local.get $bytes) (i32.const 4))
              (local.get $half)))))
      (br_if $next
        (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 16)))
          (local.get $size))))))
