(func $realloc (param i32 i32 i32 i32) (result i32) (i32.const 4096))
(func $after (param i32) (drop (call $remaining)))
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32) (call $nothing))
