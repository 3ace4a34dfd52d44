(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32) (call $text (local.get $at) (local.get $length)))
