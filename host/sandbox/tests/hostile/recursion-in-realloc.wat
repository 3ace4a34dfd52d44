(func $realloc (param i32 i32 i32 i32) (result i32)
  (call $realloc (i32.const 1) (i32.const 1) (i32.const 1) (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1))))
(func $after (param i32))
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32) (call $nothing))
