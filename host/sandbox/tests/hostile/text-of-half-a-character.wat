(data (i32.const 600) "a\ed\a0\80\e2\82")
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32) (call $text (i32.const 600) (i32.const 6)))
