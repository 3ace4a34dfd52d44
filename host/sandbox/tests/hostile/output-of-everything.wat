(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (drop (memory.grow (i32.const 320)))
  (call $text (i32.const 65536) (i32.const 20000000)))
