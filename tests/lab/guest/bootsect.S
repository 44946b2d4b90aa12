# A server in 512 bytes: a boot sector that walks PCI configuration space (buses 0 to 31) through ports 0xcf8 and 0xcfc
# and prints "TINY-PCI 0000:bb:dd.f vvvv:dddd" for every function on the first serial port, then "TINY-DONE".
# It needs no memory to speak of and no kernel, so that Nova can start it in seconds even under emulation.
        .code16
        .globl  _start
_start: ljmp    $0, $1f
1:      xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %ss
        mov     $0x7c00, %sp
        cld
        xor     %ebp, %ebp              # bus, device and function in bits 8 to 23
scan:   mov     %ebp, %eax
        or      $0x80000000, %eax
        mov     $0xcf8, %dx
        out     %eax, %dx
        mov     $0xcfc, %dx
        in      %dx, %eax
        cmp     $0xffffffff, %eax       # nobody there
        je      next
        mov     %eax, %edi
        mov     $found, %si
        call    text
        mov     %ebp, %ebx
        shr     $8, %ebx                # bx = bus << 8 | device << 3 | function
        mov     %bh, %al
        call    byte
        mov     $':', %al
        call    char
        mov     %bl, %al
        shr     $3, %al
        call    byte
        mov     $'.', %al
        call    char
        mov     %bl, %al
        and     $7, %al
        call    digit
        mov     $' ', %al
        call    char
        mov     %di, %bx                # vendor
        call    word
        mov     $':', %al
        call    char
        shr     $16, %edi
        mov     %di, %bx                # device
        call    word
        mov     $newline, %si
        call    text
next:   add     $0x100, %ebp
        cmp     $0x200000, %ebp
        jb      scan
        mov     $done, %si
        call    text
halt:   hlt
        jmp     halt

text:   lodsb                           # prints the string at si
        test    %al, %al
        jz      out
        call    char
        jmp     text

word:   mov     %bh, %al                # prints bx
        call    byte
        mov     %bl, %al
byte:   push    %ax                     # prints al
        shr     $4, %al
        call    digit
        pop     %ax
        and     $15, %al
digit:  add     $'0', %al               # prints the low half of al
        cmp     $'9', %al
        jbe     char
        add     $('a' - '9' - 1), %al
char:   push    %ax                     # waits until the port can take one more, then prints al
        mov     $0x3fd, %dx
2:      in      %dx, %al
        test    $0x20, %al
        jz      2b
        pop     %ax
        mov     $0x3f8, %dx
        out     %al, %dx
out:    ret

found:  .asciz  "TINY-PCI 0000:"
done:   .ascii  "TINY-DONE"
newline: .asciz "\r\n"

        .org    510
        .word   0xaa55
